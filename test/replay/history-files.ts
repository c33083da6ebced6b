/** The recorded histories: one file for each workflow run of a story, named after the version that recorded it. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { z } from 'zod';

export const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url));

const packageFile = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageFile));

/** Saves a history, unless this version has recorded the story before: what older code began stays as it is. */
export const saveHistory = async (
  story: string,
  history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>,
): Promise<void> => {
  const file = `${HISTORIES}${version}-${story}.json`;
  if (existsSync(file)) return;
  await mkdir(HISTORIES, { recursive: true });
  await writeFile(file, `${historyToJSON(history).replaceAll(`@${hostname()}`, '@recorder')}\n`);
  console.error(`${version}-${story}.json`);
};
