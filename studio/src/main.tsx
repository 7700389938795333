import { render } from "preact";
import { App } from "./app.js";
import "./studio.css";
import { start } from "./state/start.js";

render(<App />, document.getElementById("studio")!);
void start();
