/** What the cost of a unit may grow to, from the smallest amount to any larger one. */
import { atMost } from '../figures.ts';

export const GROWTH_BAR = atMost(1.2);
