/** `label-relay report`: one page about a chain. The plotting library is loaded only for a page. */
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { InputError, messageOf } from '../../errors.ts';
import type { Report } from '../../report/document.ts';
import { print, working } from '../output.ts';
import { withRelay } from '../with-relay.ts';

export const REPORT_FORMATS = ['html', 'md', 'json'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const formatOf = (options: { output?: string; format?: ReportFormat; json?: boolean }): ReportFormat => {
  if (options.json === true) return 'json';
  if (options.format !== undefined) return options.format;
  const ending = /\.(md|json)$/.exec(options.output ?? '')?.[1];
  return REPORT_FORMATS.find((format) => format === ending) ?? 'html';
};

const textOf = async (report: Report, format: ReportFormat): Promise<string> => {
  switch (format) {
    case 'html':
      return (await import('../../report/page.ts')).pageOf(report);
    case 'md':
      return (await import('../../report/markdown.ts')).markdownOf(report);
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
  }
};

/**
 * Whole or not at all: a reader never finds half a page. What a link leads to is replaced, not the link; a device or a pipe
 * is written to, since nothing may take its place.
 */
const writeWhole = async (path: string, text: string): Promise<void> => {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory() === true)
    throw new InputError(`${path} cannot be written: it is a folder; name a file in it, such as report.html`);
  if (there !== null && !there.isFile()) return writeFile(path, text);
  const file = there === null ? path : await realpath(path);
  const unfinished = `${file}.${process.pid}.unfinished`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, file);
  } catch (thrown) {
    await rm(unfinished, { force: true });
    throw new InputError(`${path} cannot be written: ${messageOf(thrown)}`);
  }
};

export const report = (
  chain: string,
  options: { output?: string; format?: ReportFormat; json?: boolean },
): Promise<void> =>
  withRelay(async (relay) => {
    const text = await working(`Reading what ${chain} knows`, async () =>
      textOf(await relay.report(chain), formatOf(options)),
    );
    if (options.output === undefined || options.output === '-') process.stdout.write(text);
    else {
      await writeWhole(options.output, text);
      print(`the report on ${chain} is in ${options.output}`);
    }
  });
