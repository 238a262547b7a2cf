// A fresh key: a button to copy it, and a page that asks for nothing again when it is reloaded.
for (const button of document.querySelectorAll("[data-copy]")) {
  const secret = document.querySelector(button.dataset.copy);
  button.hidden = !navigator.clipboard; // only on https and on one's own machine
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(secret.textContent);
    button.textContent = "Copied";
  });
}
history.replaceState(null, "", "/keys");
