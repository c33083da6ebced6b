/** Numbers as options of the command line give them. */
import { InputError } from '../errors.ts';

/** A whole number from 0 to 999,999,999. Throws InputError for another text. */
export const numberFrom = (name: string, text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InputError(`--${name} ${text}: expected a whole number`);
  return Number(text);
};
