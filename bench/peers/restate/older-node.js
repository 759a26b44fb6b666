// The SDK is written for Node 22; this one function is all that Node 20 lacks.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((onValue, onError) => ([resolve, reject] = [onValue, onError]));
  return { promise, resolve, reject };
};
