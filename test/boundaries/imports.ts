/** The import lines of our sources, read from the files: who takes what from where, and whether only types. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/**
 * `room`: the folder, or the file's own name for one at the top. `typesOnly`: nothing of it is there at run time. `later`: taken by `import()`,
 * when code asks for it.
 */
export type Import = { file: string; room: string; target: string; typesOnly: boolean; later: boolean };

const statement =
  /^(?:import\s+(type\s+)?([\w*\s{},$]+?)\s+from|export\s+(type\s+)?(\{[^}'"]*\}|\*(?:\s+as\s+\w+)?)\s+from|import)\s+['"]([^'"]+)['"]/gm;
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

const skipped = new Set(['node_modules', 'test', 'dist', 'docs', 'examples', 'deploy', 'coverage', 'reports']);

/** Every source file of the product, by its path from the root. */
export const sourceFiles = (folder = root): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) || entry.name.startsWith('.') ? [] : sourceFiles(path);
    return entry.name.endsWith('.ts') ? [relative(root, path)] : [];
  });

export const roomOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : path);

const onlyTypes = (type: string | undefined, names: string): boolean => {
  if (type !== undefined) return true;
  const inner = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1];
  const each = inner
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return each !== undefined && each.length > 0 && each.every((name) => name.startsWith('type '));
};

/** All imports of a file. Our own files as paths from the root, others by their specifier. */
export const importsOf = (file: string): Import[] => {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/^\s*\*.*$/gm, '');
  const targetOf = (specifier: string): string =>
    specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : specifier;
  const room = roomOf(file);
  const stated = [...text.matchAll(statement)].map((match): Import => {
    const [, typeImport, imported, typeExport, exported, specifier = ''] = match;
    const typesOnly = onlyTypes(typeImport ?? typeExport, imported ?? exported ?? '');
    return { file, room, target: targetOf(specifier), typesOnly, later: false };
  });
  const dynamic = [...text.matchAll(dynamicImport)].map(([, specifier = '']): Import => ({
    file,
    room,
    target: targetOf(specifier),
    typesOnly: false,
    later: true,
  }));
  return [...stated, ...dynamic];
};

/** All that is loaded with a file before it does anything: our files by their path, libraries by their specifier. */
export const loadedWith = (entry: string): Set<string> => {
  const loaded = new Set([entry]);
  // A set hands out what is added while it is walked.
  for (const file of loaded) {
    if (!file.endsWith('.ts')) continue;
    for (const { target, typesOnly, later } of importsOf(file)) if (!typesOnly && !later) loaded.add(target);
  }
  return loaded;
};
