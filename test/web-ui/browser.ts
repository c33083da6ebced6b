/**
 * A real browser for tests: Chromium of this machine, by LABEL_RELAY_CHROMIUM (`none`: none) or at its usual places. Where there is none,
 * the tests that need it are skipped and say so.
 */
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const wanted = process.env['LABEL_RELAY_CHROMIUM'];
const found = (wanted === undefined ? PLACES : [wanted]).find(isExecutable);

if (found === undefined) {
  process.stderr.write(
    'Skipped: there is no Chromium on this machine. Install it (Debian: apt-get install chromium) or set LABEL_RELAY_CHROMIUM to one.\n',
  );
}

/** `describe` where there is a browser, else `describe.skip`. */
export const describeWithBrowser = found === undefined ? describe.skip : describe;

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    ...(found === undefined ? {} : { executablePath: found }),
    // As root, in containers and CI, Chromium refuses its sandbox; the pages are our own.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });

const images = fileURLToPath(new URL('../../docs/images/', import.meta.url));

/** Writes a picture for the docs, with LABEL_RELAY_SCREENSHOTS=1; else only looks that one can be taken. */
export const picture = async (page: Page, name: string, options: { fullPage?: boolean } = {}): Promise<number> => {
  const write = process.env['LABEL_RELAY_SCREENSHOTS'] === '1';
  // What is asked for is there already; this is for fonts and frames around it.
  if (write) await page.waitForTimeout(1_500);
  if (write) await mkdir(images, { recursive: true });
  const bytes = await page.screenshot({ ...options, ...(write ? { path: `${images}${name}.png` } : {}) });
  return bytes.length;
};
