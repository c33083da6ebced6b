/**
 * What a person sees in the Temporal Web UI, in a real browser: the list, the filter by attention, a chain with its details and
 * jobs, a job with its reason. The pictures in the docs come from here.
 */
import { readFile } from 'node:fs/promises';
import { Client, type Connection } from '@temporalio/client';
import type { Browser, Page } from 'playwright-core';
import { LabelRelay } from '../../client.ts';
import { HOUR_MS } from '../../decisions/durations.ts';
import { advance } from '../../local/advance.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { SAVED_VIEWS } from './saved-views.ts';
import { describeWithBrowser, openBrowser, picture } from './browser.ts';

const example = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../examples/${name}.json`, import.meta.url), 'utf8'));

const script = {
  jobs: [
    {
      match: { name: 'example-images-*' },
      workers: { ratePerHour: 1 },
      fail: { after: '5h', reason: 'ClientError: AccessDenied when reading s3://label-relay/pictures' },
    },
    { match: { name: 'example-texts-*', nth: 1 }, workers: { ratePerHour: 0.01 } },
    {
      match: { name: 'example-texts-*' },
      workers: { ratePerHour: 0.01 },
      fail: { after: '3h', reason: 'InternalServerError: try again' },
    },
  ],
};

describeWithBrowser('the Temporal Web UI', () => {
  let stack: Stack;
  let connection: Connection;
  let browser: Browser;
  let page: Page;
  let ui: string;
  let relay: LabelRelay;

  beforeAll(async () => {
    stack = await startStack({ clock: 'stopped' });
    const { facts } = stack;
    ui = `${facts.webUrl}/namespaces/${facts.namespace}/workflows`;
    await putExampleFiles(facts.awsEndpoint, facts.bucket);
    await fetch(`${facts.sagemakerEndpoint}/_simulator/script`, { method: 'PUT', body: JSON.stringify(script) });
    connection = await connectToLocalTemporal(facts.temporalAddress);
    const client = new Client({ connection, namespace: facts.namespace });
    relay = new LabelRelay({ client, webUrl: facts.webUrl });
    await relay.startChain(await example('image-classification'));
    await relay.startChain(await example('text-classification'));
    await advance({
      connection,
      namespace: facts.namespace,
      simulatorEndpoint: facts.sagemakerEndpoint,
      durationMs: 24 * HOUR_MS,
    });
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await connection?.close();
    await stack?.stop();
  }, 60_000);

  const rows = (): ReturnType<Page['locator']> => page.locator('tbody tr', { hasText: 'labeling-' });

  const openView = async (query: string): Promise<void> => {
    await page.goto(`${ui}?query=${encodeURIComponent(query)}`);
    await page
      .getByText(/\d+ Workflows?/)
      .first()
      .waitFor();
  };

  const openTab = async (name: string): Promise<void> => {
    await page.getByRole('tab', { name }).click();
  };

  const openWorkflow = async (id: string, tab: string): Promise<void> => {
    await page.goto(`${ui}/${encodeURIComponent(id)}`);
    await openTab(tab);
  };

  /** The Web UI draws the Markdown of summary and details in frames of their own. */
  const metadata = async (expected: RegExp): Promise<string> => {
    let text = '';
    for (let tries = 0; tries < 40; tries += 1) {
      const drawn = page.frames().filter((frame) => frame.url().includes('/render?'));
      // A frame that is drawn anew goes away meanwhile: the next look finds its successor.
      const texts = drawn.map((frame) =>
        frame
          .locator('body')
          .innerText()
          .catch(() => ''),
      );
      text = (await Promise.all(texts)).join('\n');
      if (expected.test(text)) break;
      await page.waitForTimeout(250);
    }
    expect(text).toMatch(expected);
    return text;
  };

  test('the list shows chains and jobs by readable names', async () => {
    await openView(SAVED_VIEWS['All chains']);
    await rows().first().waitFor();
    const text = (await rows().allInnerTexts()).join('\n');
    expect(text).toContain('labeling-chain:example-images');
    expect(text).toContain('labeling-chain:example-texts');
    expect(text).not.toContain('labeling-job:');
    expect(await picture(page, 'web-ui-chains')).toBeGreaterThan(10_000);
  }, 60_000);

  test('the filter by attention finds the chain that waits for a person, and no other', async () => {
    await openView(SAVED_VIEWS['Waiting for a person']);
    await rows().first().waitFor();
    expect(await rows().count()).toBe(1);
    expect(await rows().first().innerText()).toContain('labeling-chain:example-images');
    await openView(SAVED_VIEWS['Live jobs']);
    await rows().first().waitFor();
    expect((await rows().allInnerTexts()).join('\n')).toMatch(/labeling-job:.*example-texts/);
  }, 60_000);

  test('a chain says in its details what happened and what a person can do', async () => {
    // The address that `start`, `show` and the report give leads here.
    await page.goto((await relay.get('example-images')).webUrl ?? '');
    const text = await metadata(/What you can do/);
    expect(text).toContain('Labels species of s3://label-relay/examples/image-classification/input.manifest');
    expect(text).toMatch(/AccessDenied when reading/);
    expect(text).toContain('label-relay resume example-images');
    expect(text).toMatch(/Of 24 objects \d+ are labeled/);
    // Markdown is drawn, not shown as text.
    expect(text).not.toContain('**');
    await picture(page, 'web-ui-chain-details');
  }, 60_000);

  test('a chain leads to its jobs', async () => {
    await openWorkflow('labeling-chain:example-images', 'Relationships');
    const jobs = page.getByRole('link', { name: /labeling-job:.*example-images-.*-001/ });
    await jobs.first().waitFor();
    expect(await jobs.count()).toBeGreaterThan(0);
    await picture(page, 'web-ui-relationships');
  }, 60_000);

  test('the history of a chain reads as sentences', async () => {
    await openWorkflow('labeling-chain:example-images', 'Timeline');
    await page
      .getByText(/Read the dataset s3:/)
      .first()
      .waitFor();
    const text = await page.locator('body').innerText();
    expect(text).toContain('Waits for a person: failed-input');
    await picture(page, 'web-ui-timeline', { fullPage: true });
  }, 60_000);

  test('a job shows its counters and the reason of its failure', async () => {
    await openWorkflow('labeling-chain:example-images', 'Relationships');
    await page
      .getByRole('link', { name: /labeling-job:.*example-images-.*-001/ })
      .first()
      .click();
    await openTab('User Metadata');
    const text = await metadata(/Reason: ClientError: AccessDenied/);
    expect(text).toMatch(/Generation 1 of example-images: 24 objects/);
    expect(text).toMatch(/\d+ labeled, \d+ failed, \d+ unlabeled/);
    // It is over: nothing to wait for, nothing to stop.
    expect(text).not.toMatch(/Deadline|To stop it/);
    await picture(page, 'web-ui-job-details');
  }, 60_000);
});
