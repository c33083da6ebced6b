/**
 * Chance without state: what is drawn depends on the seed and on what the draw is for, never on how many draws came
 * before. So a job gets the same labels and times whatever else happens in the account.
 */

/** A number in [0, 1) for these words. */
export type Draw = (...about: readonly (string | number)[]) => number;

const mix = (hash: number): number => {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 16)) >>> 0;
};

const hashWord = (hash: number, word: string): number => {
  let next = hash;
  for (let position = 0; position < word.length; position++) {
    next = Math.imul(next ^ word.charCodeAt(position), 0x01000193);
  }
  return Math.imul(next ^ 0xff, 0x01000193);
};

/** The draws of one seed. */
export const seededDraw =
  (seed: number): Draw =>
  (...about) => {
    let hash = mix(seed ^ 0x811c9dc5);
    for (const word of about) hash = hashWord(hash, String(word));
    return mix(hash) / 2 ** 32;
  };

/** A whole number of milliseconds in [fromMs, toMs). */
export const between = (drawn: number, fromMs: number, toMs: number): number =>
  fromMs + Math.floor(drawn * (toMs - fromMs));

const HEX_DIGITS = 16;

/** A UUID-shaped identifier for these words, the same for the same seed. */
export const drawUuid = (draw: Draw, ...about: readonly (string | number)[]): string =>
  'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replaceAll(/x/g, (_, position: number) =>
    Math.floor(draw('uuid', position, ...about) * HEX_DIGITS).toString(HEX_DIGITS),
  );
