import { existsSync, readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "vitepress";
import { root } from "../pages.js";
import { repositoryLinks } from "./links.js";
import { tablesForPhones } from "./tables.js";

const { name, description } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
const repository = GITHUB_REPOSITORY && `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`;

/** Entries of a sidebar: [text, page]. Pages are files of docs/. */
const pages = (entries) =>
  entries
    .filter(([, page]) => existsSync(new URL(`docs/${page}.md`, root)))
    .map(([text, page]) => ({ text, link: `/${page}` }));

const titleOf = (file) => /^# (.+)$/m.exec(readFileSync(new URL(file, root), "utf8"))[1].replaceAll("`", "");
const lab = existsSync(new URL("docs/lab", root))
  ? readdirSync(new URL("docs/lab", root))
      .filter((file) => file.endsWith(".md"))
      .map((file) => ({ text: titleOf(`docs/lab/${file}`), link: `/lab/${file.replace(".md", "")}` }))
  : [];

/** Groups without a page lead to their list on the page above: a button in a button would be out of reach for screen readers. */
const linked = (items, above) =>
  items.map(({ items = [], ...item }) => {
    const link = item.link?.replace(/\.md$/, "") ?? `${above}#${item.text.toLowerCase().replaceAll(" ", "-")}`;
    return items.length ? { ...item, link, items: linked(items, link) } : { ...item, link };
  });
const api = linked(JSON.parse(readFileSync(new URL("site/pages/api/typedoc-sidebar.json", root), "utf8")), "/api/");

const guide = [
  {
    text: "Start",
    items: pages([
      ["Get started in five minutes", "get-started"],
      ["Your own photos", "your-own-photos"],
      ["The studio", "studio"],
      ["Pick a module", "pick-a-module"],
      ["Train well", "train-well"],
    ]),
  },
  {
    text: "Use",
    items: pages([
      ["Segmentation", "segmentation"],
      ["Labels and numbers", "labels"],
      ["Key points", "key-points"],
      ["Re-identification", "re-identification"],
      ["See where it looks", "seeing"],
      ["Compare modules", "comparing"],
      ["Compare on several computers", "distributed"],
      ["Checkpoints in and out", "checkpoints"],
      ["In the browser", "in-the-browser"],
      ["On a GPU", "gpu"],
      ["Write a module", "adding-a-module"],
      ["Rebuild a network", "rebuild-a-network"],
    ]),
  },
  {
    text: "Reference",
    items: [
      ...pages([
        ["Catalogue of modules", "catalogue"],
        ["Networks", "networks"],
        ["Data", "data"],
        ["Options", "options"],
        ["The run folder", "run-folder"],
        ["Measuring maps", "measuring-maps"],
        ["Results", "results"],
        ["Benchmarks", "benchmarks"],
        ["Guarantees", "guarantees"],
        ["Limits", "limits"],
        ["Security", "security"],
        ["Glossary", "glossary"],
      ]),
      { text: "API", link: "/api/" },
    ],
  },
  {
    text: "For contributors",
    items: [
      { text: "Contributing", link: "/contributing" },
      ...pages([
        ["Architecture", "architecture"],
        ["Lowering", "lowering"],
      ]),
      { text: "Lab notes", items: lab },
      { text: "Changelog", link: "/changelog" },
    ],
  },
];

export default defineConfig({
  title: "Fovea",
  description,
  lang: "en-US",
  srcDir: "pages",
  srcExclude: ["README.md"],
  cleanUrls: true,
  metaChunk: true,
  markdown: {
    config: (markdown) => {
      repositoryLinks(markdown, repository);
      tablesForPhones(markdown);
    },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Guide", link: "/get-started" },
      { text: "Modules", link: "/catalogue" },
      { text: "API", link: "/api/" },
    ],
    sidebar: { "/api/": api, "/": guide },
    outline: [2, 3],
    socialLinks: repository ? [{ icon: "github", link: repository }] : [],
    footer: { message: `${name} is released under the MIT license.` },
  },
});
