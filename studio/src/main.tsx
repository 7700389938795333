import { render } from "preact";
import { App } from "./app.js";
import { refuseDrops } from "./parts/drop.js";
import { keepFocus } from "./parts/keep-focus.js";
import "./studio.css";
import { start } from "./state/start.js";

render(<App />, document.getElementById("studio")!);
keepFocus();
refuseDrops();
void start();
