/**
 * GraphiQL marks the whole item of an operation as a tab, with a button to open and one to close it
 * inside, which a screen reader cannot tell apart. Here it reads as a list of buttons instead.
 */
export function nameTabStrip(root: HTMLElement) {
  const rename = () => {
    for (const strip of root.querySelectorAll(".graphiql-tabs[role=tablist]")) {
      strip.setAttribute("role", "list");
    }
    for (const tab of root.querySelectorAll(".graphiql-tab[aria-selected]")) {
      const open = tab.querySelector(".graphiql-tab-button");
      if (tab.getAttribute("aria-selected") === "true") open?.setAttribute("aria-current", "true");
      else open?.removeAttribute("aria-current");
      const close = tab.querySelector(".graphiql-tab-close");
      close?.setAttribute("aria-label", `Close ${open?.textContent ?? "tab"}`);
      tab.setAttribute("role", "listitem");
      tab.removeAttribute("aria-selected");
    }
  };
  const attributeFilter = ["aria-selected", "role"];
  new MutationObserver(rename).observe(root, { subtree: true, childList: true, attributeFilter });
  rename();
}
