/**
 * The public API as text: every name of every entry point with its declaration, without documentation. `test/api/*.txt` hold it, so that
 * a change of what others build on is seen in review. `node dist/tools/api.js` writes them anew.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { API, type Symbol as TypeSymbol } from "typescript/unstable/sync";

/** Entry points of the package, and their declarations as the compiler writes them. */
export const entryPoints = {
  fovea: "index",
  "fovea-web": "web",
  "fovea-nn": "nn",
  "fovea-explain": "explain",
  "fovea-engine": "engine",
  "fovea-testing": "testing/index",
} as const;
export type EntryPoint = keyof typeof entryPoints;

/** SymbolFlags.Alias */
const aliasFlag = 1 << 21;

const mapValues = <K extends string, V>(of: Readonly<Record<K, V>>, to: (value: V, key: K) => string) =>
  Object.fromEntries(Object.entries<V>(of).map(([key, value]) => [key, to(value, key as K)])) as Record<K, string>;

/** A declaration without comments, private members and words that say nothing here. */
const plain = (text: string): string =>
  text
    .replace(/\/\*\*.*?\*\//gs, "")
    .replace(/^(export )?(declare )?/, "")
    .replace(/^\s*(private |#private;).*$/gm, "")
    .replace(/\n\s*\n+/g, "\n")
    .replace(/^ {4}/gm, "  ")
    .trim();

/** The text of each entry point; that of `fovea` without what `fovea/web` has as well. */
export function publicApi(): Record<EntryPoint, string> {
  const folder = mkdtempSync(join(tmpdir(), "fovea-api-"));
  const files = Object.values(entryPoints).map((name) => resolve(`dist/src/${name}.d.ts`));
  const compilerOptions = { target: "es2022", module: "nodenext", noEmit: true, types: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const api = new API({ cwd: folder });
  try {
    const project = api.updateSnapshot({ openProject: join(folder, "tsconfig.json") }).getProjects()[0]!;
    const { checker, program } = project;
    /** What an interface has from those that it extends. */
    const inherited = (symbol: TypeSymbol, text: string): string[] => {
      if (!/^interface [^{]* extends /.test(text)) return [];
      return checker
        .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
        .filter(({ name }) => !name.startsWith("__@") && !new RegExp(`^  (readonly )?${name}\\b`, "m").test(text))
        .map((field) => `  inherits ${field.name}: ${checker.typeToString(checker.getTypeOfSymbol(field)!)}`);
    };
    const entriesOf = (name: string) => {
      const file = program.getSourceFile(resolve(`dist/src/${name}.d.ts`))!;
      return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).map((entry) => {
        const symbol = entry.flags & aliasFlag ? checker.getAliasedSymbol(entry) : entry;
        const texts = symbol.declarations.map((handle) => plain(handle.resolve(project)!.getText()));
        texts.push(...inherited(symbol, texts[0]!));
        // A namespace, such as ops, is a whole file.
        return texts.some((text) => text.includes("\nexport "))
          ? `${entry.name}: namespace`
          : `${entry.name}: ${texts.join("\n")}`;
      });
    };
    const web = entriesOf(entryPoints["fovea-web"]);
    return mapValues(entryPoints, (name, entry) =>
      entry === "fovea"
        ? ["all of fovea/web", ...entriesOf(name).filter((each) => !web.includes(each)), ""].join("\n")
        : [...entriesOf(name), ""].join("\n"),
    );
  } finally {
    api.close();
    rmSync(folder, { recursive: true });
  }
}

if (argv[1] === fileURLToPath(import.meta.url))
  for (const [entry, text] of Object.entries(publicApi())) writeFileSync(`test/api/${entry}.txt`, text);
