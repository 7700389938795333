import { after, describe } from "node:test";

/** Runs test files one after the other in this process, each as a suite, so that its hooks are its own. */
export async function runFiles(files: readonly { readonly name: string; readonly url: string }[]): Promise<void> {
  for (const { name, url } of files)
    await new Promise<void>((resolve) => {
      describe(name, async () => {
        try {
          await import(url);
        } finally {
          after(() => resolve()); // the last of its hooks
        }
      });
    });
}
