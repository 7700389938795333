import { posix } from "node:path";
import { pageOf, sourceOf } from "../pages.js";

/**
 * Links are written for GitHub, relative to the file they are in. Here those to pages lead to these, and those to other files of the
 * repository to GitHub; where no repository is known, to nothing.
 */
export function repositoryLinks(markdown, repository) {
  markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
    if (env.relativePath.startsWith("api/")) return;
    const folder = posix.dirname(sourceOf(env.relativePath));
    for (const { children } of tokens)
      for (const [at, token] of (children ?? []).entries()) {
        const href = token.type === "link_open" ? token.attrGet("href") : "#";
        if (/^(\w+:|#|\/)/.test(href)) continue;
        const [path, anchor = ""] = href.split(/(?=#)/);
        const file = posix.join(folder, path);
        const page = pageOf(file);
        if (page) token.attrSet("href", `/${page.replace(/(^|\/)index\.md$/, "$1")}${anchor}`);
        else if (repository) token.attrSet("href", `${repository}/blob/main/${file}${anchor}`);
        else unlink(children, at);
      }
  });
}

/** Makes the link that opens at `at` plain text. */
function unlink(tokens, at) {
  const end = tokens.findIndex(({ type }, i) => i > at && type === "link_close");
  for (const i of [at, end]) Object.assign(tokens[i], { type: "text", tag: "", nesting: 0, content: "", attrs: null });
}
