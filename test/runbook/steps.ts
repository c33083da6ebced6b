/** The steps of docs/operate.md: its blocks that are marked as one, in the page's order, as they stand there. */
import { readFile } from 'node:fs/promises';
import { blocksOf, root } from '../docs/pages.ts';

export type Step = { name: string; text: string };

const MARK = /^step ([a-z-]+) of npm run runbook$/;

export const stepsOf = (page: string): Step[] =>
  blocksOf(page).flatMap(({ notRun, text }) => {
    const name = MARK.exec(notRun ?? '')?.[1];
    return name === undefined ? [] : [{ name, text }];
  });

export const readSteps = async (): Promise<Step[]> => stepsOf(await readFile(`${root}docs/operate.md`, 'utf8'));
