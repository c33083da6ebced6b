/** The report in a real browser: it stands alone, in light and dark, with many generations and with none. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { Report } from '../../report/document.ts';
import { pageOf } from '../../report/page.ts';
import { demoReport, emptyDocument, hostileReport, longReport, report } from '../report/reports.ts';
import { describeWithBrowser, openBrowser, picture } from './browser.ts';

describeWithBrowser('the report in a browser', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
    browser = await openBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens it as a file, without a network; what the page complains of or asks for is a mistake. */
  const open = async (
    made: Report,
    colorScheme: 'light' | 'dark' = 'light',
  ): Promise<{ page: Page; told: string[] }> => {
    const file = join(folder, `${made.chain}.html`);
    await writeFile(file, await pageOf(made));
    const page = await browser.newPage({ viewport: { width: 1000, height: 800 }, colorScheme });
    const told: string[] = [];
    page.on('console', (message) => told.push(message.text()));
    page.on('pageerror', (error) => told.push(error.message));
    page.on('request', (request) => {
      if (!request.isNavigationRequest()) told.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, told };
  };

  /** Nothing wider than the window: a person scrolls down only. */
  const overflows = (page: Page): Promise<boolean> =>
    page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');

  test.each(['light', 'dark'] as const)(
    '%s: charts are drawn, nothing is loaded, nothing overflows',
    async (scheme) => {
      const { page, told } = await open(demoReport(), scheme);
      expect(await page.locator('figure svg').count()).toBe(3);
      const box = await page.locator('figure svg').first().boundingBox();
      expect(box?.width).toBeGreaterThan(800);
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(scheme === 'light' ? 'rgb(252, 252, 251)' : 'rgb(21, 23, 26)');
      expect(await overflows(page)).toBe(false);
      expect(told).toEqual([]);
      await picture(page, `report-${scheme}`, { fullPage: true });
      await page.close();
    },
  );

  test('24 generations without a label fit on the page, also on a telephone', async () => {
    const { page, told } = await open(longReport());
    expect(await page.locator('h2', { hasText: 'Jobs' }).count()).toBe(1);
    expect(await page.locator('table').first().locator('tbody tr').count()).toBe(24);
    expect(await page.getByText('0 labeled').count()).toBeGreaterThan(0);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await overflows(page)).toBe(false);
    expect(told).toEqual([]);
    await page.close();
  });

  test('long links, places and texts without a space fit on a telephone', async () => {
    const { page } = await open(
      report({
        webUrl: `http://temporal.example/${'workflow'.repeat(20)}`,
        finalManifest: `s3://${'bucket'.repeat(30)}`,
      }),
    );
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await overflows(page)).toBe(false);
    await page.close();
    const { page: hostile } = await open(hostileReport());
    await hostile.setViewportSize({ width: 390, height: 800 });
    expect(await overflows(hostile)).toBe(false);
    await hostile.close();
  });

  test('a chain without a job says so', async () => {
    const { page, told } = await open(report(emptyDocument));
    expect(await page.locator('svg').count()).toBe(0);
    expect(await page.getByText('No labeling job exists yet.').count()).toBe(2);
    expect(told).toEqual([]);
    await page.close();
  });

  test('text from outside runs nothing', async () => {
    const { page, told } = await open(hostileReport());
    expect(await page.title()).toBe('segments: attention');
    expect(await page.locator('img, script').count()).toBe(0);
    expect(await page.getByText('<script>').count()).toBeGreaterThan(0);
    expect(told).toEqual([]);
    await page.close();
  });
});
