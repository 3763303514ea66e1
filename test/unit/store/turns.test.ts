import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/store/postgres/turns.ts';

describe('turns', () => {
  it('go to one after the other in the order they came', async () => {
    const turns = new Turns();
    const order: number[] = [];
    const end = await turns.take();
    const others = [1, 2, 3].map(async (name) => {
      const over = await turns.take();
      order.push(name);
      over();
    });
    expect(order).toEqual([]);
    end();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
  });

  it('are not given to a newcomer before one who waits', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const end = await turns.take();
    const waiting = turns.take().then(() => order.push('waited'));
    end();
    end(); // twice does nothing
    void turns.take().then(() => order.push('newcomer'));
    await waiting;
    await Promise.resolve();
    expect(order).toEqual(['waited']);
  });

  it('are refused once closed, also to those who wait', async () => {
    const turns = new Turns();
    await turns.take();
    const waiting = turns.take();
    turns.close();
    await expect(waiting).rejects.toMatchObject({ code: 'store.closed' });
    await expect(turns.take()).rejects.toMatchObject({ code: 'store.closed' });
  });
});
