/** Imports flow one way: a table of rooms and what each may take, held against the sources. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATCHES } from '../../workflows/patches.ts';
import { importsOf, root, roomOf, sourceFiles, type Import } from './imports.ts';

const imports = sourceFiles().flatMap(importsOf);
const isOwn = ({ target }: Import): boolean => target.endsWith('.ts') || target.endsWith('.json');
const isAws = (target: string): boolean => target.startsWith('@aws-sdk/') || target.startsWith('@smithy/');
const isTemporal = (target: string): boolean => target.startsWith('@temporalio/');
const isNode = (target: string): boolean => target.startsWith('node:');
const named = (found: readonly Import[]): string[] => found.map(({ file, target }) => `${file} takes ${target}`);
const from = (room: string): Import[] => imports.filter((one) => one.room === room);

/** Values that a room may take from the others, besides itself and libraries. Types are free but for the rules below. */
const MAY_TAKE: Record<string, readonly string[]> = {
  decisions: [],
  manifests: ['errors.ts'],
  workflows: ['decisions'],
  activities: ['aws-timeouts.ts', 'decisions', 'manifests', 'errors.ts'],
  events: ['aws-timeouts.ts', 'decisions', 'workflows', 'errors.ts', 'telemetry'],
  client: ['decisions', 'workflows', 'errors.ts', 'unreadable-payloads.ts'],
  worker: [
    'activities',
    'config.ts',
    'decisions',
    'errors.ts',
    'events',
    'payload-encryption.ts',
    'telemetry',
    'unreadable-payloads.ts',
  ],
  simulator: [],
  'errors.ts': [],
};

describe('imports', () => {
  test('are found at all', () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(from('workflows').filter(({ typesOnly }) => typesOnly).length).toBeGreaterThan(5);
  });

  test.each(Object.keys(MAY_TAKE))('%s takes only what it may', (room) => {
    const allowed = [room, ...(MAY_TAKE[room] ?? [])];
    const wrong = from(room).filter((one) => isOwn(one) && !one.typesOnly && !allowed.includes(roomOf(one.target)));
    expect(named(wrong)).toEqual([]);
  });

  test('decisions are pure: no library but zod, no Node', () => {
    const wrong = from('decisions').filter((one) => !isOwn(one) && one.target !== 'zod');
    expect(named(wrong)).toEqual([]);
    expect(named(from('decisions').filter((one) => isOwn(one) && roomOf(one.target) !== 'decisions'))).toEqual([]);
  });

  test('the manifest engine knows neither AWS nor Temporal, not even their types', () => {
    expect(named(from('manifests').filter(({ target }) => isAws(target) || isTemporal(target)))).toEqual([]);
  });

  test('workflows hold no AWS, no Node, and activities as types only', () => {
    const wrong = from('workflows').filter(
      ({ target, typesOnly }) =>
        isAws(target) || isNode(target) || (!typesOnly && isTemporal(target) && !/\/(workflow|common)$/.test(target)),
    );
    expect(named(wrong)).toEqual([]);
  });

  test('every patch of the workflows stands in one file, with the version that brought it and its reason', () => {
    const users = sourceFiles().filter((file) =>
      /\b(patched|deprecatePatch)\b/.test(readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')),
    );
    expect(users).toEqual(['workflows/patches.ts']);
    const ids = sourceFiles().flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/\bisPatched\('([^']+)'\)/g)].map(([, id = '']) => id),
    );
    expect(ids.filter((id) => id !== 'its-id' && !Object.hasOwn(PATCHES, id))).toEqual([]);
    for (const { since, why } of Object.values(PATCHES)) {
      expect(since).toMatch(/^\d+\.\d+\.\d+$/);
      expect(why.length).toBeGreaterThan(20);
    }
  });

  test('activities do not know the workflows', () => {
    expect(named(from('activities').filter(({ target }) => roomOf(target) === 'workflows'))).toEqual([]);
  });

  test('AWS is spoken to only by activities, events, the simulator, the local stack and the commands for it', () => {
    const rooms = new Set(imports.filter(({ target }) => isAws(target)).map(({ room }) => room));
    const allowed = [
      'activities',
      'events',
      'simulator',
      'local',
      'cli',
      'demo',
      'doctor',
      'infra',
      'bench',
      'scripts',
      'worker.ts',
    ];
    expect([...rooms].filter((room) => !allowed.includes(room))).toEqual([]);
  });

  test('nothing takes from the command line but the command line', () => {
    const wrong = imports.filter(
      ({ file, room, target }) => roomOf(target) === 'cli' && room !== 'cli' && file !== 'cli.ts',
    );
    expect(named(wrong)).toEqual([]);
  });

  test('only the configuration reads the environment, and what prints or starts processes of the local stack', () => {
    const readers = sourceFiles().filter((file) => {
      const code = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      return /process\.env\b/.test(code);
    });
    const entries = /^(config\.ts|local\/.*|cli\/.*|cli\.ts|demo\/.*|scripts\/.*|bench\/.*)$/;
    expect(readers.filter((file) => !entries.test(file))).toEqual([]);
  });
});
