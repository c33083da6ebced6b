/**
 * Shows a chain while it changes: on a terminal a table that redraws itself, with the last changes below it; elsewhere a
 * line for each change.
 */
import { createLogUpdate } from 'log-update';
import type { ChainDetail } from '../client.ts';
import type { ChainDocument } from '../decisions/view.ts';
import { chainLine, chainTable } from './chain-table.ts';
import { changesBetween } from './changes.ts';
import { columnsOf, isTerminal, paint, usesColor } from './output.ts';
import { wrap } from './wrap.ts';

export type LiveView = {
  show(detail: Pick<ChainDetail, 'document' | 'live'>, note?: string): void;
  /** Leaves the last picture on the screen. */
  done(): void;
};

/** Lines of the view that are not jobs, with some of them wrapped; what does not fit would push the head of the view out. */
const OTHER_LINES = 18;
const FEWEST_JOBS = 3;

/** Changes that stay on the screen. */
const SHOWN_CHANGES = 5;

export const liveView = (stream: NodeJS.WriteStream): LiveView => {
  if (!isTerminal(stream)) {
    let last = '';
    return {
      show: ({ document }) => {
        const line = chainLine(document);
        if (line !== last) stream.write(`${line}\n`);
        last = line;
      },
      done: () => undefined,
    };
  }
  const update = createLogUpdate(stream);
  const color = paint(usesColor(stream));
  let before: ChainDocument | null = null;
  let changes: string[] = [];
  let nowMs = 0;
  return {
    show: (detail, note) => {
      // Between two jobs nothing is heard of the service's clock: its last time stands.
      const ended = detail.document.jobs.flatMap(({ endedAt }) => (endedAt === null ? [] : [Date.parse(endedAt)]));
      nowMs = Math.max(nowMs, detail.live?.observation?.serviceNowMs ?? 0, ...ended);
      const time = `${new Date(nowMs === 0 ? Date.now() : nowMs).toISOString().slice(5, 16).replace('T', ' ')}Z`;
      const fresh = changesBetween(before, detail.document).map((change) => `${time}  ${change}`);
      changes = [...changes, ...fresh].slice(-SHOWN_CHANGES);
      before = detail.document;
      const columns = columnsOf(stream);
      const maxJobs = Math.max(FEWEST_JOBS, (stream.rows > 0 ? stream.rows : 24) - OTHER_LINES);
      const lines = [chainTable(detail, color, columns, maxJobs)];
      if (changes.length > 0) {
        lines.push(
          color('dim', 'last changes'),
          ...changes.flatMap((change) => wrap(change, columns, '              ')),
        );
      }
      if (note !== undefined) lines.push(color('dim', note));
      update(lines.join('\n'));
    },
    done: () => update.done(),
  };
};
