const line = document.querySelector("#refresh");
if (line) {
  const box = line.querySelector("input");
  const key = "refresh " + location.pathname;
  const kept = (value) => {
    try {
      if (value !== undefined) sessionStorage.setItem(key, value);
      return sessionStorage.getItem(key);
    } catch { return null; }
  };
  box.checked = kept() !== "off";
  box.addEventListener("change", () => kept(box.checked ? "on" : "off"));
  line.hidden = false;
  const reload = () => { if (box.checked) location.reload(); };
  setInterval(reload, line.dataset.seconds * 1000);
}
