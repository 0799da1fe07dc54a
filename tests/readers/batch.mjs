// Bodies on standard input: for each, the length of its media type, that, the length of the body, and that.
export async function* batch(input) {
  let rest = Buffer.alloc(0);
  const pieces = input[Symbol.asyncIterator]();
  async function take(length) {
    while (rest.length < length) {
      const { done, value } = await pieces.next();
      if (done) return null;
      rest = Buffer.concat([rest, value]);
    }
    const taken = rest.subarray(0, length);
    rest = rest.subarray(length);
    return taken;
  }
  for (let length; (length = await take(4)); ) {
    const contentType = (await take(length.readUInt32BE())).toString();
    const body = await take((await take(4)).readUInt32BE());
    yield { contentType, body };
  }
}
