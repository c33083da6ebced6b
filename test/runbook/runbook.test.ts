/** The steps of docs/operate.md that `npm run runbook` ran last are the ones that stand there. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AROUND } from './checks.ts';
import { resultShape } from './result.ts';
import { readSteps } from './steps.ts';

test('every step of the page was run as it stands there, in its order, and something held after each', async () => {
  const path = fileURLToPath(new URL('./result.json', import.meta.url));
  const result = resultShape.parse(JSON.parse(await readFile(path, 'utf8')));
  const steps = await readSteps();
  expect(steps.length).toBeGreaterThan(9);
  expect(result.steps.map(({ name, text }) => ({ name, text }))).toEqual(steps);
  for (const { name, held } of result.steps) expect([name, held.length]).not.toEqual([name, 0]);
  expect(result.end.join('\n')).toMatch(/the chain is labeled[\s\S]*I1[\s\S]*I2[\s\S]*I3/);
});

test('each step has somebody who looks at what it did', async () => {
  expect(Object.keys(AROUND)).toEqual((await readSteps()).map(({ name }) => name));
});
