import { describe, expect, it } from 'vitest';
import { createTextPromises } from '../../../src/boot/http/text-promise.ts';

const text = (body: string) => ({ body, contentType: 'text/plain' });

describe('a text that was promised to HEAD', () => {
  it('is the one that the next GET of the same machine and URL gets, once', () => {
    const promises = createTextPromises();
    promises.keep('a /x', text('one'), 0);
    expect(promises.take('b /x', 1)).toBeUndefined();
    expect(promises.take('a /x', 1)?.body).toBe('one');
    expect(promises.take('a /x', 2)).toBeUndefined();
  });

  it('is forgotten after a quarter of a minute, and the oldest when there are too many', () => {
    const promises = createTextPromises();
    promises.keep('old', text('old'), 0);
    expect(promises.take('old', 15_001)).toBeUndefined();
    for (let index = 0; index <= 512; index += 1) promises.keep(`m${index}`, text(`${index}`), 0);
    expect(promises.take('m0', 1)).toBeUndefined();
    expect([promises.take('m1', 1)?.body, promises.take('m512', 1)?.body]).toEqual(['1', '512']);
  });
});
