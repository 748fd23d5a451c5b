const $ = id => document.getElementById(id);
let photo = null, labels = null, name = "photo", asked = 0;

const say = (text, wrong = false) => {
  $("said").textContent = text;
  $("said").classList.toggle("wrong", wrong);
};

const asBase64 = file => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => failed(new Error(`${file.name} cannot be read.`));
  reader.readAsDataURL(file);
});

async function predict(model, file) {
  const body = { signature_name: "encoded", instances: [{ b64: await asBase64(file) }] };
  const address = `v1/models/${encodeURIComponent(model)}:predict`;
  let reply;
  try {
    reply = await fetch(address, { method: "POST", body: JSON.stringify(body) });
  } catch {
    throw new Error("The service cannot be reached.");
  }
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.error);
  const bytes = Uint8Array.from(atob(said.predictions[0].b64), c => c.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

async function ids(png) {
  const bitmap = await createImageBitmap(png);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function paint(found, classes) {
  const counts = new Array(classes.length).fill(0), data = found.data;
  for (let i = 0; i < data.length; i += 4) {
    const id = data[i];
    counts[id]++;
    [data[i], data[i + 1], data[i + 2]] = classes[id].color;
  }
  for (const canvas of [$("photo"), $("classes")])
    [canvas.width, canvas.height] = [found.width, found.height];
  $("classes").getContext("2d").putImageData(found, 0, 0);
  if (photo) $("photo").getContext("2d").drawImage(photo, 0, 0, found.width, found.height);
  return counts;
}

function legend(counts, classes) {
  const total = counts.reduce((a, b) => a + b);
  const order = [...counts.keys()].filter(id => counts[id]).sort((a, b) => counts[b] - counts[a]);
  $("legend").replaceChildren(...order.map(id => {
    const row = document.createElement("tr"), head = document.createElement("th");
    const swatch = document.createElement("span"), share = document.createElement("td");
    head.scope = "row";
    swatch.className = "swatch";
    swatch.style.background = `rgb(${classes[id].color})`;
    head.append(swatch, classes[id].name);
    share.className = "number";
    share.textContent = `${(100 * counts[id] / total).toFixed(1)} %`;
    row.append(head, share);
    return row;
  }));
}

let file = null;
async function show() {
  if (!file) return;
  const mine = ++asked, began = performance.now();
  $("result").hidden = true;
  if (4 / 3 * file.size + 200 > MOST_BYTES) {
    say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB, more than may be sent.`, true);
    return;
  }
  say(`Asking for the classes of ${file.name} ...`);
  try {
    const model = MODELS.find(m => m.name === $("model").value);
    const png = await predict(model.name, file);
    const found = await ids(png);
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (mine !== asked) return;
    [photo, labels, name] = [bitmap, png, file.name.replace(/\.[^.]*$/, "") || "photo"];
    legend(paint(found, model.classes), model.classes);
    $("result").hidden = false;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const shown = bitmap ? "" : " This browser cannot show the photo itself.";
    say(`${file.name}: ${found.width} x ${found.height} pixels in ${seconds} s.${shown}`);
  } catch (error) {
    if (mine === asked) say(error.message, true);
  }
}

function take(files) {
  if (!files.length) return;
  file = files[0];
  $("file").files = files;  // Its name stands beside the button, however it came.
  show();
}

function save(blob, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}_${ending}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function overlay() {
  const canvas = document.createElement("canvas"), { width, height } = $("classes");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.drawImage($("photo"), 0, 0);
  context.globalAlpha = $("opacity").value / 100;
  context.drawImage($("classes"), 0, 0);
  return new Promise(done => canvas.toBlob(done));
}

$("file").addEventListener("change", () => take($("file").files));
$("model").addEventListener("change", show);
$("opacity").addEventListener("input", () => {
  $("classes").style.opacity = $("opacity").value / 100;
  $("opacity-said").textContent = `${$("opacity").value} %`;
});
$("save-labels").addEventListener("click", () => save(labels, "labels"));
$("save-overlay").addEventListener("click", async () => save(await overlay(), "overlay"));
addEventListener("dragover", event => { event.preventDefault(); $("drop").classList.add("over"); });
addEventListener("dragleave", () => $("drop").classList.remove("over"));
addEventListener("drop", event => {
  event.preventDefault();
  $("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
addEventListener("paste", event => take(event.clipboardData.files));
