import { readFileSync } from "node:fs";
import { Converter } from "typedoc";

// The package's own list of entry points with types: "./web" is src/web.ts.
const { name, exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const entries = Object.entries(exports)
  .filter(([, { types }]) => types)
  .map(([path, { types }]) => ({
    file: types.replace("./dist", "..").replace(".d.ts", ".ts"),
    name: path.replace(".", name),
  }));

/** Names each module as it is imported: "fovea/web" instead of "web". */
function importNames(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      const entry = entries.find(
        ({ file }) => file === `../src/${module.name}.ts` || file === `../src/${module.name}/index.ts`,
      );
      if (entry) module.name = entry.name;
    }
  });
}

/** @type {import("typedoc").TypeDocOptions & import("typedoc-plugin-markdown").PluginOptions} */
export default {
  plugin: ["typedoc-plugin-markdown", "typedoc-vitepress-theme", importNames],
  entryPoints: entries.map(({ file }) => file),
  tsconfig: "../tsconfig.json",
  compilerOptions: { noEmit: true, incremental: false },
  out: "pages/api",
  docsRoot: "pages",
  readme: "none",
  name: "API reference",
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  classPropertiesFormat: "table",
  tableColumnSettings: { hideModifiers: true, leftAlignHeaders: true },
  sort: ["alphabetical"],
  validation: { notDocumented: true, notExported: false, invalidLink: true },
  requiredToBeDocumented: ["Class", "Interface", "Function", "TypeAlias", "Variable", "Method", "Property", "Accessor"],
};
