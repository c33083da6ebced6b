/** Breaks text for a terminal at spaces. A word longer than the line (a URI, a name) stays whole, so that it can be copied. */

/** Words of a person or of AWS, without what a terminal would obey. */
export const plain = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/** Lines of at most `width` characters, as {@link plain} words; those after the first begin with `indent`. */
export const wrap = (text: string, width: number, indent = ''): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of plain(text).split(/ +/)) {
    if (word === '') continue;
    const longer = line === '' || line === indent ? `${line}${word}` : `${line} ${word}`;
    if (longer.length <= width || line === '' || line === indent) line = longer;
    else {
      lines.push(line);
      line = `${indent}${word}`;
    }
  }
  lines.push(line);
  return lines;
};
