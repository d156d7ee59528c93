"""The few words that filters add, by language: products, counts, what a caller is asked for."""

from collections.abc import Mapping

PRODUCTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "credit_card": "credit card",
        "consumer_instalment": "instalment loan",
        "home_loan": "home loan",
        "car_loan": "car loan",
        "student_loan": "student loan",
        "small_business_loan": "business loan",
        "company_loan": "company loan",
    },
    "zh-Hans": {
        "credit_card": "信用卡",
        "consumer_instalment": "分期贷款",
        "home_loan": "住房贷款",
        "car_loan": "汽车贷款",
        "student_loan": "助学贷款",
        "small_business_loan": "小微企业贷款",
        "company_loan": "企业贷款",
    },
    "zh-Hant": {
        "credit_card": "信用卡",
        "consumer_instalment": "分期貸款",
        "home_loan": "房屋貸款",
        "car_loan": "汽車貸款",
        "student_loan": "學生貸款",
        "small_business_loan": "小型企業貸款",
        "company_loan": "企業貸款",
    },
}

TAILS: Mapping[str, str] = {
    "en": "{product} ending {tail}",
    "zh-Hans": "尾号{tail}的{product}",
    "zh-Hant": "尾號{tail}的{product}",
}
"""An account by name."""

MORE: Mapping[str, str] = {
    "en": "{named} and {rest} more",
    "zh-Hans": "{named}等{count}个账户",
    "zh-Hant": "{named}等{count}個帳戶",
}
"""Several accounts of which only the first are named."""

DAYS: Mapping[str, tuple[str, str]] = {
    "en": ("{} day", "{} days"),
    "zh-Hans": ("{}天", "{}天"),
    "zh-Hant": ("{}天", "{}天"),
}
"""One day, and several."""

FORMULA: Mapping[str, str] = {
    "en": "{rate} a day × {days} × {base} of overdue principal",
    "zh-Hans": "逾期本金{base} × 日利率{rate} × {days}",
    "zh-Hant": "逾期本金{base} × 日利率{rate} × {days}",
}
"""What penalty interest adds over so many days."""

PENALTY_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {"": "penalty interest"},
    "zh-Hans": {"": "罚息"},
    "zh-Hant": {"": "罰息", "TW": "遲延利息"},
}
"""What penalty interest is called, by the debtor's country."""

STOOD: Mapping[str, str] = {
    "en": "{amount} (charged up to {on})",
    "zh-Hans": "{amount}（截至{on}）",
    "zh-Hant": "{amount}（截至{on}）",
}
"""What penalty interest stood at before."""

ASKED: Mapping[str, Mapping[str, str]] = {
    "en": {
        "birth_date": "your date of birth as eight digits: year, month, day",
        "id_last4": "the last four digits of your identity document",
        "postcode": "the digits of your postcode",
        "account_last4": "the last four digits of your account number",
    },
    "zh-Hans": {
        "birth_date": "您的八位出生日期（年、月、日）",
        "id_last4": "您身份证件号码的后四位数字",
        "postcode": "您的邮政编码",
        "account_last4": "您账户号码的后四位数字",
    },
    "zh-Hant": {
        "birth_date": "您的八位出生日期（年、月、日）",
        "id_last4": "您身分證件號碼的末四位數字",
        "postcode": "您的郵遞區號",
        "account_last4": "您帳戶號碼的末四位數字",
    },
}
"""What a caller is asked to key in."""
