import { initAll } from "/static/vendor/govuk-frontend.min.js";

initAll();

const datePickers = document.querySelectorAll('[data-module="moj-date-picker"]');
if (datePickers.length) {
  const { DatePicker } = await import("/static/vendor/date-picker.js");
  datePickers.forEach((one) => new DatePicker(one));
}
