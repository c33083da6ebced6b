/** The configuration page is what the code reads; the settings of a worker process are checked. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, VARIABLES } from '../../config.ts';
import { CONFIGURATION_PAGE_PATH, configurationPage } from '../../scripts/configuration-page.ts';

test('docs/configuration.md is up to date (else: npm run configuration-page)', async () => {
  expect(await readFile(CONFIGURATION_PAGE_PATH, 'utf8')).toBe(configurationPage());
});

test('every LABEL_RELAY variable that the code names is on the page', async () => {
  const rooms = [
    '.',
    'activities',
    'cli',
    'decisions',
    'doctor',
    'events',
    'infra',
    'local',
    'telemetry',
    'worker',
    'workflows',
  ];
  const named = new Set<string>();
  for (const room of rooms) {
    const files = await readdir(room, { recursive: room !== '.' });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const text = await readFile(join(room, file), 'utf8');
      for (const [name] of text.matchAll(/LABEL_RELAY_[A-Z_]*[A-Z]/g)) named.add(name);
    }
  }
  expect(named.size).toBeGreaterThanOrEqual(Object.keys(VARIABLES).length);
  const page = configurationPage();
  expect([...named].filter((name) => !page.includes(name))).toEqual([]);
});

test('health endpoints and metrics are off unless asked for', () => {
  expect(loadConfig({})).toMatchObject({ healthPort: null, metricsAddress: null });
  expect(loadConfig({ LABEL_RELAY_HEALTH_PORT: '', LABEL_RELAY_METRICS_ADDRESS: ' ' })).toMatchObject({
    healthPort: null,
    metricsAddress: null,
  });
  const env = { LABEL_RELAY_HEALTH_PORT: '8081', LABEL_RELAY_METRICS_ADDRESS: '[::]:9464' };
  expect(loadConfig(env)).toMatchObject({ healthPort: 8081, metricsAddress: '[::]:9464' });
});

test('a worker keeps 500 workflows in memory unless told otherwise', () => {
  expect(loadConfig({}).cachedWorkflows).toBe(500);
  expect(loadConfig({ LABEL_RELAY_CACHED_WORKFLOWS: '2000' }).cachedWorkflows).toBe(2_000);
});

test.each([
  ['LABEL_RELAY_CACHED_WORKFLOWS', '9'],
  ['LABEL_RELAY_CACHED_WORKFLOWS', 'all'],
  ['LABEL_RELAY_HEALTH_PORT', '70000'],
  ['LABEL_RELAY_HEALTH_PORT', '-1'],
  ['LABEL_RELAY_METRICS_ADDRESS', '9464'],
  ['LABEL_RELAY_METRICS_ADDRESS', 'localhost:9464'],
  ['LABEL_RELAY_METRICS_ADDRESS', '0.0.0.0:94640'],
])('%s=%s is bad input', (name, value) => {
  expect(() => loadConfig({ [name]: value })).toThrow(`${name} is "${value}"`);
});

test('a worker is versioned by both variables of Temporal or by neither', () => {
  expect(loadConfig({}).deploymentVersion).toBeNull();
  const env = { TEMPORAL_DEPLOYMENT_NAME: 'label-relay', TEMPORAL_WORKER_BUILD_ID: '0.1.0' };
  expect(loadConfig(env).deploymentVersion).toEqual({ deploymentName: 'label-relay', buildId: '0.1.0' });
  expect(() => loadConfig({ TEMPORAL_WORKER_BUILD_ID: '0.1.0' })).toThrow('set both, or neither');
});
