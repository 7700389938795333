/** What the keyboard can reach. */
const reachable =
  "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex]:not([tabindex='-1'])";

const usable = (element: Element): boolean =>
  element.isConnected && element.checkVisibility() && !element.matches(":disabled");

/** What to go on with inside an element: what it is there for, or what comes first, or the element itself. */
function within(home: HTMLElement): HTMLElement {
  const inside = [...home.querySelectorAll<HTMLElement>(reachable)].filter(usable);
  const found = inside.find((one) => one.matches(".primary")) ?? inside[0];
  if (found) return found;
  if (!home.matches(reachable)) home.tabIndex = -1;
  return home;
}

/**
 * Keeps the keyboard's place: where what has the focus is removed or disabled, as a button is once it was pressed, the focus moves to what is
 * nearest, and not to the top of the page.
 */
export function keepFocus(): void {
  /** What had the focus last, and what it is in, from the inside out. */
  let path: HTMLElement[] = [];
  addEventListener("focusin", ({ target }) => {
    path = [];
    for (let at = target as HTMLElement | null; at && at !== document.body; at = at.parentElement) path.push(at);
  });
  const settle = () => {
    const now = document.activeElement;
    if (now && now !== document.body && usable(now)) return;
    const [last, ...around] = path;
    // If it is still there, somebody put the focus nowhere: by a click beside everything.
    if (!last || usable(last)) return;
    const home = around.find(usable) ?? document.getElementById("main");
    if (home) within(home).focus();
  };
  new MutationObserver(settle).observe(document.body, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["disabled", "open"],
  });
}
