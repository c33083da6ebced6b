/**
 * What one job-month costs, from the counts that the part `month` measured last (in results.json), beside what polling
 * costs; and the calls of many open jobs from the same counts. Nothing is run.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { figure, figureShape, type Figure, type Part } from '../figures.ts';
import {
  EVENTBRIDGE_SERVICE_EVENT,
  SQS_REQUEST,
  STEP_FUNCTIONS_TRANSITION,
  TEMPORAL_ACTION,
  TEMPORAL_ACTIVE_GB_HOUR,
} from '../prices.ts';

const MONTH_S = 30 * 86_400;
/** An event is received and deleted. */
const REQUESTS_PER_EVENT = 2;
const EVENTS = 4;
/** One consumer polls an empty queue for ten seconds at a time. */
const IDLE_POLLS = MONTH_S / 10;

const results = z.object({ parts: z.array(figureShape) });

/** See the head of this file. */
export const run: Part = async (): Promise<Figure[]> => {
  const { parts } = results.parse(JSON.parse(await readFile(new URL('../results.json', import.meta.url), 'utf8')));
  const measured = (name: string): number => {
    const found = parts.find((each) => each.name === `month: ${name}`);
    if (found === undefined) throw new Error(`results.json holds no "month: ${name}"; run the part month first`);
    return found.value;
  };
  const kilobytes = measured('history of the job');
  // The history grows evenly, so half its size is stored on average.
  const storage = ((kilobytes / 2) * 1e3 * (MONTH_S / 3600) * TEMPORAL_ACTIVE_GB_HOUR) / 1e9;
  const chain = measured("Temporal actions of the job's chain beside it");
  const events = EVENTS * (REQUESTS_PER_EVENT * SQS_REQUEST + EVENTBRIDGE_SERVICE_EVENT);
  const quiet = (measured('Temporal actions of the job') + chain) * TEMPORAL_ACTION + storage + events;
  const busyActions = measured('actions with worker events, one team active 12 hours a day') + chain;
  const cost = (what: string, value: number, note: string): Figure => figure(`cost: ${what}`, value, 'USD', { note });
  return [
    cost('label-relay on Temporal Cloud, per job-month', quiet, 'actions, storage, SQS; Describe is free of charge'),
    cost(
      'the same with worker events of one team',
      busyActions * TEMPORAL_ACTION + storage * 2 + events,
      'twice the history',
    ),
    cost(
      'the idle consumer, for all jobs together, per month',
      IDLE_POLLS * SQS_REQUEST,
      'one long poll of ten seconds after another',
    ),
    cost(
      'Step Functions, Wait + Describe + Choice every 60 s',
      (MONTH_S / 60) * 3 * STEP_FUNCTIONS_TRANSITION,
      'computed',
    ),
    cost('Step Functions, the same every 5 minutes', (MONTH_S / 300) * 3 * STEP_FUNCTIONS_TRANSITION, 'computed'),
    cost('a Temporal poll loop every 60 s', (MONTH_S / 60) * 2 * TEMPORAL_ACTION, 'computed: timer and activity'),
    figure(
      'cost: Temporal actions per hour of 1,000 open jobs',
      ((measured('Temporal actions of the job') + chain) * 1e3 * 3600) / MONTH_S,
      '/h',
    ),
    figure('cost: Describes per hour of 1,000 open jobs', (measured('Describes') * 1e3 * 3600) / MONTH_S, '/h'),
    figure('cost: Airflow sensor every 30 s', MONTH_S / 30, 'calls', {
      note: 'no price per call: it holds a worker slot, or a triggerer, for the month',
    }),
  ];
};
