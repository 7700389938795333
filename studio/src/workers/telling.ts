/**
 * Runs work that tells the page how far it is. The page's function has a port of its own, which results may overtake: work is done when
 * what it told last has arrived.
 */
export async function telling<A, R>(
  tell: (news: A) => unknown,
  work: (tell: (news: A) => void) => Promise<R>,
): Promise<R> {
  let last: unknown;
  try {
    return await work((news) => {
      last = tell(news);
    });
  } finally {
    await last;
  }
}
