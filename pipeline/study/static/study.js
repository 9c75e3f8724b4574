// A participant's page. The server knows where the participant is; this page only asks, shows, and
// sends an answer until the server says that it has it. Nothing else is kept here.
"use strict";

const GAP = 500; // milliseconds of grey between two pictures
const SPACE = 16; // device pixels between the two pictures of a pair
const RETRY = [500, 1000, 2000, 4000];

const base = location.pathname.replace(/\/+$/, "");
const find = (id) => document.getElementById(id);
const stage = find("stage");
const grades = [...document.querySelectorAll("#grades button")];
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

let state = null; // as the server sent it last
let shownAt = 0;
let accepting = false; // whether a picture is on the screen and waits for its answer
const fetched = new Map(); // address -> image, of what is shown now and soon

function screen(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
}

async function ask(address, options) {
  for (let attempt = 0; ; attempt++) {
    let response = null;
    try {
      response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(15000), ...options });
      if (response.ok) {
        const answer = await response.json();
        find("notice").hidden = true;
        return answer;
      }
    } catch { /* the connection, or the server, is away: try again */ }
    if (response && response.status < 500 && response.status !== 429) {
      screen("unusable");
      throw new Error(`${address}: ${response.status}`);
    }
    find("notice").hidden = false;
    await pause(RETRY[Math.min(attempt, RETRY.length - 1)]);
  }
}

async function image(address) {
  for (let attempt = 0; ; attempt++) {
    if (!fetched.has(address)) {
      const element = new Image();
      element.src = address;
      element.alt = "";
      element.draggable = false;
      fetched.set(address, element);
    }
    try {
      await fetched.get(address).decode();
      return fetched.get(address);
    } catch {
      fetched.delete(address);
      if (attempt) find("notice").hidden = false;
      await pause(RETRY[Math.min(attempt, RETRY.length - 1)]);
    }
  }
}

function preload() {
  const wanted = [...state.pictures.map((picture) => picture.url), ...state.ahead];
  for (const address of fetched.keys()) if (!wanted.includes(address)) fetched.delete(address);
  for (const address of wanted) image(address);
}

// One pixel of the file is one pixel of the device, on a whole pixel of the device.
function place() {
  const pictures = [...stage.children];
  if (!pictures.length) return;
  const ratio = window.devicePixelRatio;
  const room = { width: stage.clientWidth * ratio, height: stage.clientHeight * ratio };
  const total = (side) => pictures.reduce((sum, p) => sum + p[side], SPACE * (pictures.length - 1));
  const stacked = pictures.length > 1 && total("naturalWidth") > room.width
    && (total("naturalHeight") <= room.height || room.height > room.width);
  const along = stacked ? "height" : "width";
  const natural = { width: "naturalWidth", height: "naturalHeight" };
  const start = (side, used) => Math.max(0, Math.floor((room[side] - used) / 2));
  // Also on a whole CSS pixel if possible: a browser that only emulates a ratio rounds to those.
  const whole = (place) => (Number.isInteger(ratio) ? Math.floor(place / ratio) : place / ratio);
  let offset = start(along, total(natural[along]));
  for (const picture of pictures) {
    const across = stacked ? "width" : "height";
    const position = { [along]: offset, [across]: start(across, picture[natural[across]]) };
    picture.style.width = `${picture.naturalWidth / ratio}px`;
    picture.style.height = `${picture.naturalHeight / ratio}px`;
    picture.style.left = `${whole(position.width)}px`;
    picture.style.top = `${whole(position.height)}px`;
    offset += picture[natural[along]] + SPACE;
  }
  for (const button of grades) {
    const label = stacked ? button.dataset.stacked : button.dataset.label;
    button.querySelector("span").textContent = label;
  }
}

function ready(yes) {
  accepting = yes;
  for (const button of grades) {
    button.disabled = !yes;
    if (yes) button.classList.remove("chosen");
  }
}

async function present() {
  ready(false);
  if (!state.pictures) {
    stage.replaceChildren();
    return screen("done");
  }
  screen("rate");
  stage.replaceChildren();
  find("practice").hidden = !state.training;
  find("progress").textContent = `${state.position + 1} / ${state.total}`;
  find("fill").style.width = `${(100 * state.position) / state.total}%`;
  preload();
  const asked = state;
  const [pictures] = await Promise.all([
    Promise.all(state.pictures.map((picture) => image(picture.url))),
    pause(GAP),
  ]);
  if (asked !== state) return; // another call shows something newer
  // Two methods may have made the same picture; each place needs an element of its own.
  stage.replaceChildren(...pictures.map((p, i) => (pictures.indexOf(p) < i ? p.cloneNode() : p)));
  stage.scrollTo(0, 0);
  find("notice").hidden = true;
  place();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  if (asked !== state) return;
  shownAt = performance.now();
  stage.dataset.position = String(state.position);
  ready(true);
}

async function answer(value) {
  if (!accepting) return;
  const milliseconds = Math.round(performance.now() - shownAt);
  ready(false);
  grades[value - 1].classList.add("chosen");
  const training = state.training;
  const body = {
    value, milliseconds, pixel_ratio: window.devicePixelRatio,
    viewport: `${window.innerWidth}x${window.innerHeight}`,
  };
  state = await ask(`${base}/answers/${state.position}`, { method: "POST", body: JSON.stringify(body) });
  if (training && !state.training && state.pictures) return between();
  present();
}

function between() {
  preload();
  stage.replaceChildren();
  screen("between");
  find("go").focus();
}

// Another tab may have gone on meanwhile, and the back button brings an old page.
async function catchUp() {
  if (!accepting) return;
  const newer = await ask(`${base}/state`);
  if (accepting && newer.position !== state.position) {
    state = newer;
    present();
  }
}

async function open() {
  state = await ask(`${base}/state`);
  if (!state.pictures) return screen("done");
  preload();
  find("start").textContent = state.position ? find("start").dataset.resume : find("start").dataset.start;
  screen("welcome");
  find("start").focus();
}

function grade(event) {
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code); // the place of the key, also on AZERTY
  if (digit) return Number(digit[1]);
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  if (grades.length === 2) return { ArrowLeft: 1, ArrowUp: 1, ArrowRight: 2, ArrowDown: 2 }[event.key];
  return undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || find("rate").hidden) return;
  const value = grade(event);
  if (value >= 1 && value <= grades.length) {
    event.preventDefault();
    answer(value);
  }
});
grades.forEach((button, index) => button.addEventListener("click", () => answer(index + 1)));
find("start").addEventListener("click", present);
find("go").addEventListener("click", present);
stage.addEventListener("contextmenu", (event) => event.preventDefault());
window.addEventListener("resize", place);
window.addEventListener("pageshow", (event) => { if (event.persisted) catchUp(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) catchUp(); });
open();
