/** One chain's files in memory, moved along by the real operations; shared by these tests. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDataset, type ManifestCounts } from '../../manifests/dataset.ts';
import { selectInput, type InputMode, type SelectedInput } from '../../manifests/job-input.ts';
import { mergeOutputs, type MergeResult, type MergeTally } from '../../manifests/merge.ts';
import type { MergeSource } from '../../manifests/merge-source.ts';
import { writeLeftovers } from '../../manifests/leftovers.ts';
import { MemorySink, sourceOf } from './streams.ts';

/** A directory for one test's temporary files; `close` checks that nothing was left in it and removes it. */
export class TemporaryDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'manifests-test-'));

  close(): void {
    const left = readdirSync(this.path);
    rmSync(this.path, { recursive: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  }
}

export type JobFiles = {
  generation: number;
  mode: InputMode;
  manifest: Buffer;
  ordinals: Buffer;
  selected: SelectedInput;
};

export type MergeOptions = {
  countsAttempt?: (generation: number, reason: string) => boolean;
  maxAttempts?: number | null;
};

/** A chain on the label attribute `L`, with everything in memory. */
export class ChainFiles {
  dataset: Buffer = Buffer.alloc(0);
  states: Buffer = Buffer.alloc(0);
  doubled = new MemorySink();
  unmatched = new MemorySink();
  readonly label: string;
  readonly chunkSizes: readonly number[];

  constructor(chunkSizes: readonly number[] = [5], label = 'L') {
    this.chunkSizes = chunkSizes;
    this.label = label;
  }

  /** Starts from a manifest that must be fine. */
  async start(manifest: string | Uint8Array): Promise<ManifestCounts> {
    const to = { dataset: new MemorySink(), states: new MemorySink() };
    const result = await readDataset({ label: this.label, manifest: this.source(manifest), to });
    if (result.kind !== 'dataset') throw new Error(JSON.stringify(result));
    this.dataset = to.dataset.bytes;
    this.states = to.states.bytes;
    return result.counts;
  }

  async select(generation: number, mode: InputMode = 'unlabeled', maxObjects: number | null = null): Promise<JobFiles> {
    const to = { manifest: new MemorySink(), ordinals: new MemorySink() };
    const selected = await selectInput({
      label: this.label,
      dataset: this.source(this.dataset),
      states: this.source(this.states),
      mode,
      maxObjects,
      to,
    });
    return { generation, mode, manifest: to.manifest.bytes, ordinals: to.ordinals.bytes, selected };
  }

  sourceOfJob(job: JobFiles, output: string | Uint8Array, late = false): MergeSource {
    return {
      generation: job.generation,
      jobName: `job-${job.generation}`,
      input: this.source(job.manifest),
      labeledInput: job.mode === 'dataset',
      ordinals: this.source(job.ordinals),
      output: this.source(output),
      late,
    };
  }

  /** Merges and, if it went well, goes on with the result. */
  async tryMerge(sources: readonly MergeSource[], options: MergeOptions = {}): Promise<MergeResult> {
    const directory = new TemporaryDirectory();
    const to = {
      dataset: new MemorySink(),
      states: new MemorySink(),
      unmatched: new MemorySink(),
      doubled: new MemorySink(),
    };
    const result = await mergeOutputs({
      label: this.label,
      dataset: this.source(this.dataset),
      states: this.source(this.states),
      sources,
      countsAttempt: options.countsAttempt ?? (() => true),
      maxAttempts: options.maxAttempts === undefined ? 3 : options.maxAttempts,
      temporaryDirectory: directory.path,
      to,
    });
    directory.close();
    if (result.kind === 'merged') {
      this.dataset = to.dataset.bytes;
      this.states = to.states.bytes;
      this.doubled = to.doubled;
      this.unmatched = to.unmatched;
    } else {
      const written = Object.values(to).reduce((sum, sink) => sum + sink.bytes.length, 0);
      if (written > 0) throw new Error(`${written} bytes were written from an output that cannot be read`);
    }
    return result;
  }

  async merge(sources: readonly MergeSource[], options: MergeOptions = {}): Promise<MergeTally> {
    const result = await this.tryMerge(sources, options);
    if (result.kind !== 'merged') throw new Error(JSON.stringify(result));
    return result.tally;
  }

  async leftovers(): Promise<unknown[]> {
    const to = new MemorySink();
    await writeLeftovers({
      dataset: this.source(this.dataset),
      states: this.source(this.states),
      jobName: (generation) => `job-${generation}`,
      to,
    });
    return to.lines;
  }

  get datasetLines(): string[] {
    return linesOf(this.dataset.toString());
  }

  source(content: string | Uint8Array): ReturnType<typeof sourceOf> {
    return sourceOf(content, this.chunkSizes);
  }
}

/** The lines of a text with their terminators. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
