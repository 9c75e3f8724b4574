"""The one exception that means: a person can mend this."""


class UserError(Exception):
    """Bad input, with a message of one line that names it and the remedy.

    Raised at the edges (files, downloads, configuration, the tracking store). Commands print the
    message and exit with 1; every other exception keeps its traceback.
    """
