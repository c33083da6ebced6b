/** What is installed with us: from the lockfile alone, with the install scripts that are named and no other, and listed for who wants to know. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { root } from '../boundaries/imports.ts';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
});
const packageSchema = z.looseObject({
  allowScripts: z.record(z.string(), z.boolean()),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(root, file), 'utf8'));
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

test('every package that has an install script is named, with whether it may run', async () => {
  const { packages } = lockSchema.parse(await json('package-lock.json'));
  const { allowScripts } = packageSchema.parse(await json('package.json'));
  const withScript = Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => nameOf(path));
  expect(Object.keys(allowScripts).toSorted()).toEqual([...new Set(withScript)].toSorted());
  // Node itself is put in its place by its script; the others only look for, or build, what comes prebuilt.
  expect(Object.keys(allowScripts).filter((name) => allowScripts[name])).toEqual(['node']);
});

test('every package of the lockfile is held by its hash, and comes from a registry', async () => {
  const { packages } = lockSchema.parse(await json('package-lock.json'));
  const loose = Object.entries(packages).filter(
    ([path, { integrity, resolved }]) =>
      path !== '' &&
      (integrity === undefined || !integrity.startsWith('sha512-') || /^(git|file|http:)/.test(resolved ?? '')),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
  const { dependencies, devDependencies } = packageSchema.parse(await json('package.json'));
  const ranges = Object.values({ ...dependencies, ...devDependencies });
  expect(ranges.filter((range) => !/^\^?\d+\.\d+\.\d+$/.test(range))).toEqual([]);
});

test('`npm run sbom` lists what is shipped: every dependency with its version, none that is only for development', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], { cwd: root, maxBuffer: 1 << 26 });
  const { bomFormat, components } = z
    .looseObject({
      bomFormat: z.string(),
      components: z.array(z.looseObject({ name: z.string(), version: z.string() })),
    })
    .parse(JSON.parse(stdout));
  expect(bomFormat).toBe('CycloneDX');
  const listed = components.map(({ name }) => name);
  const { dependencies, devDependencies } = packageSchema.parse(await json('package.json'));
  expect(Object.keys(dependencies).filter((name) => !listed.includes(name))).toEqual([]);
  expect(listed).not.toContain('jest');
  expect(listed.filter((name) => name === '@temporalio/testing' && name in devDependencies)).toEqual([]);
});
