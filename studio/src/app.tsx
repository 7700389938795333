import { computed, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon, type IconName } from "./parts/icons.js";
import { announcement, progress } from "./state/announce.js";
import { ready, storageTrouble } from "./state/project.js";
import { elsewhere, trouble } from "./state/start.js";
import { Collect } from "./views/collect.js";

interface View {
  readonly title: string;
  readonly icon: IconName;
  /** Loaded when it is first opened. */
  readonly load: () => Promise<ComponentType>;
}

const views: Readonly<Record<string, View>> = {
  collect: { title: "Collect", icon: "collect", load: async () => Collect },
  train: { title: "Train", icon: "train", load: async () => (await import("./views/train.js")).Train },
  understand: {
    title: "Understand",
    icon: "understand",
    load: async () => (await import("./views/understand.js")).Understand,
  },
  compare: { title: "Compare", icon: "compare", load: async () => (await import("./views/compare.js")).Compare },
  around: {
    title: "Look around",
    icon: "around",
    load: async () => (await import("./views/look-around.js")).LookAround,
  },
  take: { title: "Take it", icon: "take", load: async () => (await import("./views/take.js")).Take },
};

const address = signal(location.hash);
addEventListener("hashchange", () => void (address.value = location.hash));
const current = computed(() => {
  const name = address.value.replace(/^#\/?/, "");
  return name in views ? name : "collect";
});

export function App() {
  return (
    <>
      <button type="button" class="button skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <div class="brand">
          <img src="./icon.svg" alt="" />
          <span>Fovea Studio</span>
        </div>
        <Navigation />
        <div class="private">
          <Icon name="lock" />
          Nothing leaves this device
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Body />
      </main>
      <Toast />
      <div class="hidden" role="status" aria-label="Progress">
        {progress.value?.text}
      </div>
    </>
  );
}

const Navigation = () => (
  <nav class="nav" aria-label="Steps">
    {Object.entries(views).map(([name, { title, icon }]) => (
      <a key={name} href={`#/${name}`} aria-current={current.value === name ? "page" : undefined}>
        <Icon name={icon} />
        {title}
      </a>
    ))}
  </nav>
);

function Body() {
  if (trouble.value) return <Plain title="The studio cannot start here" text={trouble.value} />;
  if (elsewhere.value)
    return (
      <Plain
        title="The studio is open in another tab"
        text="Two tabs would overwrite each other's work. Use that one, or close it: this page then opens by itself."
      />
    );
  if (!ready.value) return <p class="muted">Opening what is stored …</p>;
  return (
    <>
      {storageTrouble.value && (
        <div class="note" role="alert">
          The project cannot be stored: {storageTrouble.value}.
        </div>
      )}
      <Current key={current.value} name={current.value} />
    </>
  );
}

function Current({ name }: { readonly name: string }) {
  const { load, title } = views[name]!;
  const [Loaded, setLoaded] = useState<ComponentType | null>(null);
  useEffect(() => {
    document.title = `${title} – Fovea Studio`;
    scrollTo(0, 0);
    void load().then((component) => setLoaded(() => component));
  }, [load, title]);
  return Loaded ? <Loaded /> : <p class="muted">Loading …</p>;
}

const Plain = ({ title, text }: { readonly title: string; readonly text: string }) => (
  <div class="card">
    <h1>{title}</h1>
    <p class="muted">{text}</p>
  </div>
);

/** Milliseconds that a message is shown. */
const shown = 5000;

function Toast() {
  const said = announcement.value;
  const [now, show] = useState<typeof said>(null);
  useEffect(() => {
    show(said);
    const timer = setTimeout(() => show(null), shown);
    return () => clearTimeout(timer);
  }, [said]);
  // An element for each message: what is said twice is read aloud twice.
  return (
    <div role="status" aria-live="polite">
      {now && (
        <div class="toast" key={now.at}>
          {now.text}
        </div>
      )}
    </div>
  );
}
