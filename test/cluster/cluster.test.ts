/** What of the cluster check can be held without a cluster: its configuration, its words about what is missing, the figures in the docs. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { plansOf } from '../chaos/plans.ts';
import { PAGE, withFigures } from './page.ts';
import { findPrograms } from './programs.ts';
import { resultShape } from './result.ts';
import { configFrom } from './temporal-cluster.ts';

const read = (path: string): Promise<string> => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

describe('the configuration of the cluster', () => {
  test('names every port by a word, so that two processes of one role get their own', async () => {
    const template = await read('./cluster.yaml');
    const names = [...new Set([...template.matchAll(/\$([A-Z_]+)/g)].map(([, name = '']) => name))];
    const ports = Object.fromEntries(names.map((name, index) => [name, 20_001 + index]));
    const config: unknown = parse(configFrom(template, ports));
    expect(config).toMatchObject({
      services: { history: { rpc: { grpcPort: ports['HISTORY_GRPC'], membershipPort: ports['HISTORY_MEMBERSHIP'] } } },
      publicClient: { hostPort: `127.0.0.1:${ports['FRONTEND_GRPC']}` },
    });
    expect(() => configFrom(template, { ...ports, HISTORY_GRPC: undefined } as never)).toThrow('HISTORY_GRPC');
  });
});

describe('the programs of the cluster', () => {
  test('are asked for in one line each where they are missing, before anything starts', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
    try {
      const folders = { postgresql: join(empty, 'postgresql'), go: join(empty, 'go') };
      const looking = findPrograms(() => undefined, { PATH: empty, LABEL_RELAY_CACHE: empty }, folders);
      await expect(looking).rejects.toThrow(/^PostgreSQL .* is missing: .*install.*\nGo is missing, .*go\.dev/);
    } finally {
      await rm(empty, { recursive: true });
    }
  });
});

describe('the chains of the cluster check', () => {
  test('are those of the chaos run, but for what only a moved clock could bring about', () => {
    const plans = plansOf(7, 100, 900_000, { realTime: true });
    const usual = plansOf(7, 100, 900_000);
    expect(plans.map(({ manifest, troubles }) => ({ manifest, troubles }))).toEqual(
      usual.map(({ manifest, troubles }) => ({ manifest, troubles })),
    );
    expect(JSON.stringify(usual.map(({ rules }) => rules))).toContain('"openTasks":"late"');
    expect(JSON.stringify(plans.map(({ rules }) => rules))).not.toContain('"openTasks":"late"');
    for (const { spec } of plans) expect(spec('bucket')).toMatchObject({ policy: { lateLabels: '2m' } });
  });
});

describe('the result of the cluster check', () => {
  test('breaks no promise: I1 to I7 held on a cluster whose processes were killed', async () => {
    const result = resultShape.parse(JSON.parse(await read('./result.json')));
    expect({ lost: result.lost, violations: result.violations }).toEqual({ lost: 0, violations: [] });
    expect(new Set(result.kills.map(({ target }) => target)).size).toBe(6);
  });

  test('is what the page shows', async () => {
    const page = await readFile(PAGE, 'utf8');
    expect(page).toBe(await withFigures(page));
  });
});
