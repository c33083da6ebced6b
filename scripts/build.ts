/**
 * Builds what is shipped: compiled JavaScript with its types, the files that code reads at run time, and the workflow
 * bundle. `node scripts/build.ts [folder]`; the folder is `dist` unless given, and is made anew.
 */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { ENCODED_FAILURES_PATH } from '../payload-encryption.ts';
import { workflowFiles } from '../worker/workflow-code.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** Rooms whose code reads files that lie beside it; every file there that is not code or prose is copied. */
const ROOMS_WITH_DATA = ['demo', 'infra', 'local', 'report', 'worker'];

const isData = (name: string): boolean => !/\.(ts|md|in)$/.test(name);

const compile = (folder: string): void => {
  const compiler = fileURLToPath(import.meta.resolve('typescript/package.json'));
  const tsc = join(dirname(compiler), 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(repository, 'tsconfig.build.json'), '--outDir', folder], {
    stdio: 'inherit',
  });
};

const copyData = async (folder: string): Promise<void> => {
  for (const room of ROOMS_WITH_DATA) {
    const entries = await readdir(join(repository, room), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile() || !isData(entry.name)) continue;
      const source = join(entry.parentPath, entry.name);
      await cp(source, join(folder, relative(repository, source)));
    }
  }
};

/**
 * Bundling takes seconds and webpack at every start of a worker; the bundle is the same for all of them. Made from the
 * sources: beside them are the libraries that it holds.
 */
const bundle = async (folder: string, name: string, options: { failureConverterPath?: string }): Promise<void> => {
  const { workflowsPath, workflowInterceptorModules } = workflowFiles();
  const { code } = await bundleWorkflowCode({
    ...options,
    workflowsPath,
    workflowInterceptorModules,
    // Stack traces name files and lines; columns and the text of the sources, most of a bundle, would only slow the start of a worker.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-module-source-map' }),
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(join(folder, name), code);
};

const folder = resolve(process.argv[2] ?? join(repository, 'dist'));
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
compile(folder);
await copyData(folder);
await bundle(folder, 'workflow-bundle.js', {});
await bundle(folder, 'workflow-bundle-encrypted.js', { failureConverterPath: ENCODED_FAILURES_PATH });
await chmod(join(folder, 'cli.js'), 0o755);
