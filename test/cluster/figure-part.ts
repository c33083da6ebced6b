/**
 * One part of the benchmark against servers that run already, in a process of its own as the benchmark has it: prints its figures as the
 * last line of stdout. `figure-part.ts reaction|intake <facts as JSON> [--quick]`, started by figures.ts.
 */
import { measureIntake } from '../../bench/parts/intake.ts';
import { measureReaction } from '../../bench/parts/reaction.ts';
import type { StackFacts } from '../../local/stack.ts';

const [part, text = '', size] = process.argv.slice(2);
// Written by the process that started this one, in the same version.
const facts: StackFacts = JSON.parse(text);
const quick = size === '--quick';
const figures =
  part === 'intake' ? await measureIntake(facts.temporalAddress, quick) : await measureReaction(facts, quick);
process.stdout.write(`\n${JSON.stringify(figures)}\n`, () => process.exit(0));
