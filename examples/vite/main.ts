/** The page: starts the worker, shows what it says, and stops the training. */
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const stop = () => worker.postMessage("stop");
document.querySelector("button")!.addEventListener("click", stop);
worker.addEventListener("message", ({ data }: MessageEvent<string>) => {
  console.log(data);
  document.querySelector("pre")!.append(`${data}\n`);
  if (location.hash === "#stop" && data.startsWith("step")) stop();
});
worker.addEventListener("error", ({ message }) => console.log(`failed: ${message}`));
