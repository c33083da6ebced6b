/** Shows a chain while it changes: a table that redraws itself on a terminal, plain lines elsewhere. */
import { createLogUpdate } from 'log-update';
import type { ChainDetail } from '../client.ts';
import { chainLine, chainTable } from './chain-table.ts';
import { paint, usesColor } from './output.ts';

export type LiveView = {
  show(detail: Pick<ChainDetail, 'document' | 'live'>, note?: string): void;
  /** Leaves the last picture on the screen. */
  done(): void;
};

export const liveView = (stream: NodeJS.WriteStream): LiveView => {
  if (stream.isTTY !== true) {
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
  return {
    show: (detail, note) =>
      update(`${chainTable(detail, color)}${note === undefined ? '' : `\n${color('dim', note)}`}`),
    done: () => update.done(),
  };
};
