// "Share this view": copies the address. Needs choice.js (for `element`).

export default function ({ parentElement }) {
  const root = parentElement.querySelector(".root");
  if (root.firstChild) return;
  const button = element("button", "share", "Share this view");
  const address = element("input", "address");
  button.type = "button";
  button.setAttribute("aria-live", "polite");
  button.title = "Copies a link that opens this run, at this step and station";
  address.readOnly = true;
  address.hidden = true;
  address.setAttribute("aria-label", "Link to this view");
  button.addEventListener("click", () => copy(button, address));
  root.append(address, button);
}

async function copy(button, address) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(window.location.href);
  } catch {
    copied = false;
    address.hidden = false;
    address.value = window.location.href;
    address.focus();
    address.select();
  }
  button.textContent = copied ? "Link copied" : "Copy it from here";
  setTimeout(() => { button.textContent = "Share this view"; }, 2500);
}
