"use strict";
for (const button of document.querySelectorAll(".copy")) {
  // Browsers offer the clipboard to pages of https and of this machine only.
  if (!navigator.clipboard) { button.hidden = true; continue; }
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.link);
    button.textContent = "Copied";
  });
}
