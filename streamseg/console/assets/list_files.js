/* Sends a chosen file as a field of the form, and shows how large it is. */

const form = document.getElementById("upload");
const chosen = form.querySelector("[type=file]");
const content = form.elements.content;
let text = null;

document.body.classList.add("scripted");
chosen.addEventListener("change", async () => {
  const [file] = chosen.files;
  const submit = form.querySelector("button");
  submit.disabled = true;
  text = file ? await file.text() : null;
  content.required = text === null;
  submit.disabled = false;
});
form.addEventListener("formdata", ({ formData }) => text !== null && formData.set("content", text));
