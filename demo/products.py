"""The products of the shop: eight categories, with brands, prices and a popularity rank."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.draw import Floats, Ints, Rng, pick, zipf

PRODUCTS = 400
CATEGORIES = {  # name: (weight, median price in yuan, nouns)
    "营养补充": (24, 118, "维生素C片 复合维生素 鱼油软胶囊 钙片 蛋白粉"),
    "睡眠健康": (14, 96, "褪黑素片 酸枣仁膏 助眠枕 蒸汽眼罩"),
    "慢病管理": (15, 168, "血压计 血糖仪 血糖试纸 降压茶"),
    "母婴健康": (11, 145, "叶酸片 孕妇奶粉 婴儿益生菌 退热贴"),
    "皮肤护理": (12, 132, "修护面膜 医用敷料 防晒霜 保湿乳"),
    "体重管理": (10, 88, "代餐奶昔 膳食纤维粉 体脂秤"),
    "家庭常备": (9, 36, "口罩 体温计 创可贴 酒精棉片"),
    "中医养生": (5, 210, "艾灸盒 阿胶糕 西洋参 足浴包"),
}
_BRANDS = ["安心", "Vita+", "康乐", "HealthPro", "仁和堂", "ｂｌｕｅ", "悦己", "NatureX", "本草记", "Ortho"]
_SIZES = ["30粒", "60粒", "10片", "2盒装", "家庭装", "旅行装"]


@dataclass(frozen=True)
class Products:
    """Products by position, the most popular first; prices in fen."""

    names: NDArray[np.object_]
    categories: NDArray[np.object_]
    brands: NDArray[np.object_]
    prices: Ints
    popularity: Floats

    def draw(self, rng: Rng, count: int) -> Ints:
        return rng.choice(len(self.prices), count, p=self.popularity).astype(np.int64)


def draw_products(rng: Rng) -> Products:
    weights = [weight for weight, _, _ in CATEGORIES.values()]
    categories = pick(rng, list(CATEGORIES), weights, PRODUCTS)
    brands = pick(rng, _BRANDS, [1.0] * len(_BRANDS), PRODUCTS)
    sizes = pick(rng, _SIZES, [1.0] * len(_SIZES), PRODUCTS)
    nouns = [str(rng.choice(CATEGORIES[str(name)][2].split())) for name in categories]
    medians = np.array([CATEGORIES[str(name)][1] for name in categories], dtype=np.float64)
    yuan = np.clip(medians * rng.lognormal(0, 0.55, PRODUCTS), 5, 3000)
    names = [f"{brand} {noun} {size}" for brand, noun, size in zip(brands, nouns, sizes, strict=True)]
    return Products(
        names=np.array(names, dtype=object),
        categories=categories,
        brands=brands,
        prices=np.round(yuan).astype(np.int64) * 100 - 10,
        popularity=zipf(PRODUCTS, 0.85),
    )
