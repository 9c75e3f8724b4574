"""Networks that enlarge in several steps, each supervised."""
