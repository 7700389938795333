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
 * nearest, and not to the top of the page. Where what arrives late, such as a drawing, pushes it out of the window, the page scrolls to it.
 */
export function keepFocus(): void {
  /** What had the focus last, and what it is in, from the inside out. */
  let path: HTMLElement[] = [];
  let byKeyboard = false;
  /** Where the page was scrolled to when what has the focus was last seen to come into the window. */
  let scrolled = 0;
  const sight = new IntersectionObserver((entries) => {
    const { isIntersecting, target } = entries.at(-1)!;
    if (isIntersecting) scrolled = scrollY;
    // If it is somebody who scrolled, they want to see something else.
    else if (byKeyboard && scrollY === scrolled) target.scrollIntoView({ block: "nearest" });
  });
  addEventListener("focusin", ({ target }) => {
    scrolled = scrollY;
    sight.disconnect();
    sight.observe(target as Element);
    path = [];
    for (let at = target as HTMLElement | null; at && at !== document.body; at = at.parentElement) path.push(at);
  });
  addEventListener("keydown", () => void (byKeyboard = true), true);
  addEventListener("pointerdown", () => void (byKeyboard = false), true);
  const settle = () => {
    const now = document.activeElement;
    if (now && now !== document.body && usable(now)) return;
    const [last, ...around] = path;
    // If it is still there, somebody put the focus nowhere: by a click beside everything.
    if (!last || usable(last)) return;
    const home = around.find(usable) ?? document.getElementById("main");
    // A mouse does not need to see it.
    if (home) within(home).focus({ preventScroll: !byKeyboard });
  };
  new MutationObserver(settle).observe(document.body, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["disabled", "open"],
  });
}
