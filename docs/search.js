// Flags are looked for as they are typed: for the search itself, dashes before a word mean pages without that word.
const send = Worker.prototype.postMessage
Worker.prototype.postMessage = function (message, ...more) {
  if (typeof message?.data === "string") {
    message = { ...message, data: message.data.replace(/(^|[\s"])(?:--|-(?=\w(?:$|\s)))(?=\w)/g, "$1") }
  }
  return send.call(this, message, ...more)
}
