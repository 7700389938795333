export const root = new URL("../", import.meta.url);

/** What is shown, and where in the site: docs/ but its index under the same names. */
export const staged = [
  ["docs/", ""],
  ["docs/README.md", "index.md"],
  ["CONTRIBUTING.md", "contributing.md"],
  ["CHANGELOG.md", "changelog.md"],
];

/** The file of the repository that a page of the site is from. */
export const sourceOf = (page) => staged.find(([, to]) => to === page)?.[0] ?? `docs/${page}`;

/** The page that shows a file of the repository, if one does. */
export const pageOf = (file) => staged.find(([from]) => from === file)?.[1] ?? /^docs\/(.+\.md)$/.exec(file)?.[1];
