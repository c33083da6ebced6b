/** The files in deploy/ name only what exists: variables, roles, endpoints, ports; and they ask for no privilege. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, parse } from 'yaml';
import { z } from 'zod';
import { configurationPage } from '../../scripts/configuration-page.ts';
import { ROLES } from '../../worker.ts';
import { readAlerts } from './metric-names.ts';

const FOLDER = 'deploy/kubernetes';

const containerSchema = z.looseObject({
  image: z.literal('label-relay'),
  args: z.tuple([z.literal('worker'), z.literal('--only'), z.string()]),
  env: z.array(z.object({ name: z.string(), value: z.string() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  startupProbe: z.looseObject({ httpGet: z.object({ path: z.literal('/livez'), port: z.literal('health') }) }),
  livenessProbe: z.looseObject({ httpGet: z.object({ path: z.literal('/livez'), port: z.literal('health') }) }),
  readinessProbe: z.looseObject({ httpGet: z.object({ path: z.literal('/readyz'), port: z.literal('health') }) }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
});

const deploymentSchema = z.looseObject({
  kind: z.literal('Deployment'),
  spec: z.looseObject({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true), runAsUser: z.number().min(1) }),
        containers: z.tuple([containerSchema]),
      }),
    }),
  }),
});

const documents = async (): Promise<{ file: string; document: unknown }[]> => {
  const files = (await readdir(FOLDER)).toSorted();
  const found: { file: string; document: unknown }[] = [];
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(join(FOLDER, file), 'utf8'))) {
      expect(document.errors).toEqual([]);
      found.push({ file, document: document.toJSON() });
    }
  }
  return found;
};

const deployments = async () =>
  (await documents())
    .filter(({ document }) => z.looseObject({ kind: z.literal('Deployment') }).safeParse(document).success)
    .map(({ document }) => deploymentSchema.parse(document));

test('the two deployments have all roles between them, and neither has one of the other', async () => {
  const roles = (await deployments()).map(({ spec }) => spec.template.spec.containers[0].args[2].split(','));
  expect(roles.flat().toSorted()).toEqual([...ROLES].toSorted());
  expect(roles.filter((list) => list.includes('events'))).toEqual([['events']]);
});

test('each selects its own pods, probes the ports that it opens, and gives a stop 100 s', async () => {
  for (const { spec } of await deployments()) {
    const { metadata, spec: pod } = spec.template;
    expect(metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(100);
    const [container] = pod.containers;
    const variables = new Map(container.env.map(({ name, value }) => [name, value]));
    const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(Number(variables.get('LABEL_RELAY_HEALTH_PORT'))).toBe(ports.get('health'));
    expect(variables.get('LABEL_RELAY_METRICS_ADDRESS')).toBe(`0.0.0.0:${ports.get('metrics')}`);
  }
});

test('kustomization.yaml lists every file beside it', async () => {
  const { resources } = z
    .looseObject({ resources: z.array(z.string()) })
    .parse(parse(await readFile(join(FOLDER, 'kustomization.yaml'), 'utf8')));
  const files = (await readdir(FOLDER)).filter((file) => file !== 'kustomization.yaml');
  expect(resources.toSorted()).toEqual(files.toSorted());
});

test('every variable in deploy/ is one that docs/configuration.md explains', async () => {
  const page = configurationPage();
  const known = new Set(['NODE_ENV', 'NODE_OPTIONS', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']);
  const files = (await readdir('deploy', { recursive: true })).filter((file) => /\.yaml$|Dockerfile$/.test(file));
  let count = 0;
  for (const file of files) {
    const text = await readFile(join('deploy', file), 'utf8');
    for (const [name] of text.matchAll(/\b(LABEL_RELAY|TEMPORAL|AWS|NODE|OTEL)_[A-Z_]*[A-Z]\b/g)) {
      count += 1;
      expect(known.has(name) || page.includes(name) ? [] : [file, name]).toEqual([]);
    }
  }
  expect(count).toBeGreaterThan(20);
});

test('compose.yaml runs the same two processes, read-only and without capabilities', async () => {
  const serviceSchema = z.looseObject({
    command: z.array(z.string()),
    read_only: z.literal(true),
    cap_drop: z.array(z.string()),
  });
  const text = await readFile('deploy/compose.yaml', 'utf8');
  const { services } = z
    .looseObject({ services: z.looseObject({ worker: serviceSchema, consumer: serviceSchema }) })
    .parse(parse(text, { merge: true }));
  expect(services.worker.command).toEqual(['worker', '--only', 'workflows,activities']);
  expect(services.consumer.command).toEqual(['worker', '--only', 'events']);
});

test('what the Dockerfile copies and what the build reads is not ignored', async () => {
  const ignore = await readFile('deploy/Dockerfile.dockerignore', 'utf8');
  const entries = await readdir('.', { withFileTypes: true });
  const outside = ['bench', 'deploy', 'dist', 'docs', 'examples', 'node_modules', 'test', 'tmp'];
  const rooms = entries.filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !outside.includes(entry.name),
  );
  expect(rooms.length).toBeGreaterThan(5);
  const lines = ignore.split('\n');
  expect(rooms.map(({ name }) => name).filter((name) => !lines.includes(`!${name}`))).toEqual([]);
});

test('every alert has its own entry in docs/operate.md', async () => {
  const alerts = (await readAlerts()).map(({ alert }) => alert);
  expect(new Set(alerts).size).toBe(alerts.length);
  const page = await readFile('docs/operate.md', 'utf8');
  expect(alerts.filter((alert) => !page.includes(`\`${alert}\``))).toEqual([]);
});
