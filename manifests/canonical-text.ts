/** The canonical text of numbers and strings of JSON. */

const withoutZerosAtEnd = (digits: string): string => {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
};

const withoutZerosAtStart = (digits: string): string => {
  let start = 0;
  while (digits[start] === '0') start += 1;
  return digits.slice(start);
};

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** One text for each decimal value: `<digits>e<exponent>`, no zero at either end. Exponents of any length are exact. */
export const canonicalNumber = (text: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = numberPattern.exec(text) ?? [];
  const significant = withoutZerosAtStart(whole + fraction);
  const digits = withoutZerosAtEnd(significant);
  if (digits === '') return '0';
  const shift = significant.length - digits.length - fraction.length;
  const power = exponent.length < 15 ? String(Number(exponent) + shift) : String(BigInt(exponent) + BigInt(shift));
  return `${sign}${digits}e${power}`;
};

/** JSON.stringify escapes only what must be escaped; unescaped strings already are what it would write. Lone surrogates stay escaped. */
export const canonicalString = (json: string): string =>
  json.includes('\\') ? JSON.stringify(JSON.parse(json)) : json;
